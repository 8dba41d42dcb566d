//! What people write in the demo, in Chinese and in English.

/// The language of a customer and of what is written about its tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
}

/// A matter that customers come with.
pub struct Matter {
    /// The kind of ticket.
    pub ticket_type: &'static str,
    /// The category, the widest first.
    pub category: &'static [&'static str],
    /// How it is resolved.
    pub resolution: &'static str,
    /// In Chinese.
    pub chinese: Wording,
    /// In English.
    pub english: Wording,
}

/// A matter in one language.
pub struct Wording {
    /// The ticket's subject.
    pub subject: &'static str,
    /// The whole story.
    pub description: &'static str,
    /// What the agent answers.
    pub answer: &'static str,
    /// What the customer writes then.
    pub thanks: &'static str,
}

impl Matter {
    /// The matter in a language.
    #[must_use]
    pub const fn wording(&self, language: Language) -> &Wording {
        match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        }
    }
}

/// Family names and given names of Chinese customers.
pub const CHINESE_NAMES: (&[&str], &[&str]) = (
    &["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "欧阳"],
    &["小明", "芳", "伟", "秀英", "娜", "敏", "静", "强", "磊", "洋", "勇", "艳", "杰", "娟", "涛"],
);

/// Given names and family names of the other customers.
pub const ENGLISH_NAMES: (&[&str], &[&str]) = (
    &["Ada", "Grace", "Alan", "Barbara", "Edsger", "Margaret", "Ken", "Radia", "Dennis", "Frances", "Niklaus", "Joan"],
    &["Lovelace", "Hopper", "Turner", "Liskov", "Martin", "Hamilton", "Thompson", "Perl", "Ritchie", "Allen", "O'Neil"],
);

/// The people of the support desk.
pub const AGENTS: &[&str] = &["林晓梅", "Thomas Weber", "赵建国", "Sarah Klein", "何雨", "Daniel Costa"];

/// Goods and their prices in minor units of the yuan.
pub const GOODS: &[(&str, i64)] = &[
    ("ROUTER-AX3", 29_900),
    ("CAM-OUTDOOR", 19_900),
    ("DOORBELL-2", 45_900),
    ("HUB-MINI", 9_900),
    ("CARE-1Y", 12_800),
];

/// What customers come with.
pub const MATTERS: &[Matter] = &[
    Matter {
        ticket_type: "incident",
        category: &["network", "router"],
        resolution: "configuration",
        chinese: Wording {
            subject: "路由器每天晚上断网",
            description: "每天晚上八点左右路由器就断网，要重启才能恢复。已经换过网线，问题还在。",
            answer: "您好，请在管理页面把信道从自动改为 36，并把固件升级到 2.4.1，再观察一个晚上。",
            thanks: "改了信道以后没有再断过，谢谢！",
        },
        english: Wording {
            subject: "Router drops the connection every evening",
            description: "Around eight every evening the router loses the connection until I restart it. I swapped the cable already.",
            answer: "Please set the channel from automatic to 36 and update the firmware to 2.4.1, then watch it for an evening.",
            thanks: "No more drops since I changed the channel, thank you!",
        },
    },
    Matter {
        ticket_type: "question",
        category: &["billing"],
        resolution: "assistance",
        chinese: Wording {
            subject: "发票抬头怎么修改？",
            description: "上个月的订单发票抬头写成了个人，需要改成公司，请问怎么办？",
            answer: "请把公司名称和税号发给我们，我们会在两个工作日内重开发票。",
            thanks: "已经收到新发票了，辛苦了。",
        },
        english: Wording {
            subject: "How do I change the name on an invoice?",
            description: "Last month's invoice is made out to me, and it should be made out to my company. What do I do?",
            answer: "Send us the company's name and tax number, and you get a new invoice within two working days.",
            thanks: "The new invoice has arrived, thanks.",
        },
    },
    Matter {
        ticket_type: "incident",
        category: &["camera", "app"],
        resolution: "software_update",
        chinese: Wording {
            subject: "摄像头在手机上看不到画面",
            description: "App 更新以后摄像头一直显示“连接中”，重新绑定也不行。😟",
            answer: "这是 5.2.0 版的问题，请升级到 5.2.1，无需重新绑定。",
            thanks: "升级以后好了。",
        },
        english: Wording {
            subject: "No picture from the camera on the phone",
            description: "Since the app was updated the camera says “connecting” for ever. Pairing it again does not help. 😟",
            answer: "That is a bug of 5.2.0. Please update to 5.2.1; you need not pair it again.",
            thanks: "Works after the update.",
        },
    },
    Matter {
        ticket_type: "request",
        category: &["returns"],
        resolution: "replacement",
        chinese: Wording {
            subject: "门铃外壳有裂纹，申请换货",
            description: "刚收到的门铃外壳有一道裂纹，希望换一个新的。照片已上传。",
            answer: "非常抱歉，新门铃今天寄出，旧的请放在同一个盒子里交给快递员。",
            thanks: "换货收到，服务很好。",
        },
        english: Wording {
            subject: "Doorbell arrived with a crack, please replace it",
            description: "The case of the doorbell has a crack. I would like a new one; the picture is attached.",
            answer: "We are sorry. A new one ships today; please hand the old one to the courier in the same box.",
            thanks: "The replacement is here, good service.",
        },
    },
    Matter {
        ticket_type: "complaint",
        category: &["delivery"],
        resolution: "other",
        chinese: Wording {
            subject: "订单晚了五天还没送到",
            description: "说好三天送到，现在已经第八天了，物流信息一直没有更新。",
            answer: "包裹在中转站被误分，我们已加急重发，预计明天送达，并为您退还运费。",
            thanks: "今天收到了，希望以后准时。",
        },
        english: Wording {
            subject: "My order is five days late",
            description: "Three days were promised, this is day eight, and the tracking has not moved since Monday.",
            answer: "The parcel went to the wrong hub. We sent another one by express and refund the shipping.",
            thanks: "It came today. I hope the next one is on time.",
        },
    },
];
